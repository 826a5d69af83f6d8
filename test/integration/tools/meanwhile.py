"""Something that is done again and again while a test goes on."""

import threading


class Meanwhile:
    """Within `with`, look() is called every pause seconds by a thread."""

    pause = 0

    def __enter__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        while not self.over.wait(self.pause):
            self.look()

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
