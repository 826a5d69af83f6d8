<?php
// The scenarios of ../../my_matrix.py for PHP.

class Scenarios
{
	private const ZONES = ['+01:00', '-05:30', '+09:00', '+00:00'];
	private string $name;

	public function __construct(private string $driver)
	{
		$this->name = strtr($driver, '-', '_');
	}

	private function connect(): PdoConn|MysqliConn
	{
		return $this->driver === 'mysqli' ? new MysqliConn()
			: new PdoConn($this->driver === 'pdo-prepared');
	}

	private function connections(int $n): array
	{
		return array_map(fn () => $this->connect(), range(1, $n));
	}

	private static function same($got, $wanted): void
	{
		if (self::text($got) !== self::text($wanted)) {
			throw new Exception('got ' . self::text($got) . ', not '
				. self::text($wanted));
		}
	}

	// Drivers make numbers or text of what they read.
	private static function text($value): string
	{
		return is_array($value)
			? '[' . implode(',', array_map(self::text(...), $value)) . ']'
			: (string) $value;
	}

	private static function code($conn, Closure $work): int|string
	{
		try {
			$work();
		} catch (Throwable $e) {
			return $conn::code($e);
		}
		return 'no error';
	}

	private function table(string $scenario, string $columns): string
	{
		$table = "t_{$this->name}_$scenario";
		$c = $this->connect();
		$c->query("DROP TABLE IF EXISTS $table");
		$c->query("CREATE TABLE $table ($columns) ENGINE=InnoDB");
		return $table;
	}

	public function version(): string
	{
		return "PHP " . PHP_VERSION . " {$this->driver}";
	}

	public function storm(): int
	{
		for ($round = 0; $round < 2; $round++) {
			foreach ($this->connections(20) as $i => $c) {
				self::same($c->query('SELECT ?', $i), [[$i]]);
			}
		}
		return 40;
	}

	public function interleave(): int
	{
		$all = $this->connections(8);
		for ($n = 0; $n < 25; $n++) {
			foreach ($all as $i => $c) {
				self::same($c->query('SELECT ? * 2, ?', $n, "c$i"),
					[[$n * 2, "c$i"]]);
			}
		}
		return 200;
	}

	public function prepared(): array
	{
		$table = $this->table('prepared', 'a INT, b VARCHAR(40)');
		$all = $this->connections(8);
		$insert = $read = $seen = [];
		foreach ($all as $i => $c) {
			$insert[$i] = $c->prepare("INSERT INTO $table VALUES (?, ?)");
			$read[$i] = $c->prepare("SELECT b FROM $table WHERE a = ?");
		}
		for ($n = 0; $n < 6; $n++) {
			foreach ($all as $i => $c) {
				$insert[$i]($i, "row $n");
				self::same(count($read[$i]($i)), $n + 1);
			}
		}
		foreach ($all as $i => $c) {
			unset($insert[$i]);
			$seen[] = self::code($c, fn () => $c->prepare('SELEC ?'));
			$seen[] = self::text($c->query('SELECT ?, ?', 1.5, 'x'));
		}
		return $seen;
	}

	public function reuse(): string
	{
		$table = $this->table('reuse', 'client INT, n INT');
		$all = $this->connections(8);
		for ($n = 1; $n < 8; $n++) {
			foreach ($all as $i => $c) {
				$c->begin();
				$c->query("INSERT INTO $table VALUES (?, ?)", $i, $n);
				self::same($c->query("SELECT SUM(n) FROM $table"
					. ' WHERE client = ?', $i), [[$n * ($n + 1) / 2]]);
				$c->commit();
			}
		}
		return self::text($all[0]->query("SELECT COUNT(*) FROM $table"));
	}

	public function errors(): array
	{
		$table = $this->table('errors', 'a INT PRIMARY KEY');
		$seen = [];
		foreach ($this->connections(4) as $i => $c) {
			$insert = fn () => $c->query("INSERT INTO $table VALUES (?)", $i);
			$insert();
			$seen[] = [
				self::code($c, fn () => $c->query('SELECT missing + ?', $i)),
				self::code($c, fn () => $c->query('SELECT ? FROM gone', $i)),
				self::code($c, $insert),
				self::code($c, fn () => $c->query('SELEC 1')),
				self::text($c->query('SELECT ? + 1', $i)),
			];
		}
		return $seen;
	}

	public function rollback(): array
	{
		$table = $this->table('rollback', 'a INT PRIMARY KEY');
		[$c, $other] = $this->connections(2);
		$count = "SELECT COUNT(*) FROM $table";
		$c->begin();
		$c->query("INSERT INTO $table VALUES (1)");
		$seen = [self::code($c,
			fn () => $c->query("INSERT INTO $table VALUES (1)"))];
		$c->query("INSERT INTO $table VALUES (2)");
		$seen[] = self::text($c->query($count));
		$seen[] = self::text($other->query($count));
		$c->rollback();
		$seen[] = self::text($c->query($count));
		return $seen;
	}

	public function insert_id(): array
	{
		$table = $this->table('insert_id',
			'a INT AUTO_INCREMENT PRIMARY KEY, b INT');
		$all = $this->connections(4);
		$seen = [];
		for ($n = 0; $n < 3; $n++) {
			foreach ($all as $i => $c) {
				$c->query("INSERT INTO $table (b) VALUES (?)", $i);
				$seen[] = $c->last_id();
			}
			foreach ($all as $c) {
				$seen[] = self::text($c->query('SELECT LAST_INSERT_ID()'));
			}
		}
		return $seen;
	}

	public function settings(): array
	{
		$all = $this->connections(4);
		foreach ($all as $i => $c) {
			$c->query("SET time_zone = '" . self::ZONES[$i] . "'");
			$c->query($i % 2 ? "SET sql_mode = 'ANSI_QUOTES'"
				: 'SET SESSION group_concat_max_len = 77');
			$c->query("SET @own = $i");
			if ($i === 2) {
				$c->query('SET NAMES latin1');
			}
		}
		$seen = [];
		for ($n = 0; $n < 5; $n++) {
			foreach ($all as $c) {
				$seen[] = self::text($c->query('SELECT @@time_zone,'
					. " @@sql_mode = 'ANSI_QUOTES', @own,"
					. ' @@group_concat_max_len, @@character_set_client'));
			}
		}
		return $seen;
	}

	public function big(): array
	{
		$table = $this->table('big', 'a INT, b LONGTEXT');
		$c = $this->connect();
		for ($n = 0; $n < 3; $n++) {
			$c->query("INSERT INTO $table VALUES (?, ?)", $n,
				str_repeat('x', 400000));
		}
		$rows = $c->query("SELECT b FROM $table");
		$one = $c->query("SELECT REPEAT('y', 17000000)");
		return [array_map(fn ($row) => strlen($row[0]), $rows),
			strlen($one[0][0])];
	}

	public function temp(): array
	{
		[$a, $b] = $this->connections(2);
		$table = "tt_{$this->name}";
		$a->query("CREATE TEMPORARY TABLE $table (n INT)");
		for ($n = 0; $n < 5; $n++) {
			$a->query("INSERT INTO $table VALUES (?)", $n);
			$b->query('SELECT 1');
		}
		return [self::text($a->query("SELECT COUNT(*) FROM $table")),
			self::code($b, fn () => $b->query("SELECT * FROM $table"))];
	}

	public function lock(): array
	{
		[$a, $b] = $this->connections(2);
		$ask = fn ($c, $text) => self::text(
			$c->query("SELECT $text", "lock_{$this->name}"));
		return [$ask($a, 'GET_LOCK(?, 1)'), $ask($b, 'GET_LOCK(?, 0)'),
			$ask($a, 'RELEASE_LOCK(?)'), $ask($b, 'GET_LOCK(?, 0)'),
			$ask($b, 'RELEASE_LOCK(?)')];
	}

	public function multi(): array
	{
		$c = $this->connect();
		$seen = [self::text($c->multi('SELECT 1; SELECT 2, 3; SELECT 4'))];
		$seen[] = self::code($c,
			fn () => $c->multi('SELECT 1; SELEC 2; SELECT 3'));
		$seen[] = self::text($c->multi('SELECT 5'));
		return $seen;
	}

	public function stream(): array
	{
		$table = $this->table('stream', 'a INT');
		$c = $this->connect();
		$c->query("INSERT INTO $table VALUES " . implode(', ',
			array_map(fn ($n) => "($n)", range(0, 2999))));
		$total = 0;
		foreach ($c->stream("SELECT a FROM $table") as $row) {
			$total += $row[0];
		}
		return [$total, self::text($c->query('SELECT 1'))];
	}

	public function load(): array
	{
		$table = $this->table('load', 'a INT, b VARCHAR(20)');
		$path = tempnam(sys_get_temp_dir(), 'load');
		file_put_contents($path, implode('',
			array_map(fn ($n) => "$n\trow $n\n", range(0, 1999))));
		try {
			$c = $this->connect();
			return [$c->load($table, $path),
				self::text($c->query("SELECT SUM(a) FROM $table")),
				self::code($c, fn () => $c->load('not_there', $path))];
		} finally {
			unlink($path);
		}
	}

	public function change_user(): string
	{
		$c = $this->connect();
		$c->query('SET @own = 3');
		$c->change_user();
		return self::text($c->query('SELECT @own IS NULL, DATABASE()'));
	}

	// A query that runs while another connection kills it.
	public function cancel(): array
	{
		[$c, $other] = $this->connections(2);
		$id = $c->db->thread_id;
		$c->db->query('SELECT SLEEP(30)', MYSQLI_ASYNC);
		$end = microtime(true) + 10;
		while (!(int) $other->query('SELECT COUNT(*) FROM'
			. " information_schema.processlist WHERE info ="
			. " 'SELECT SLEEP(30)'")[0][0]) {
			if (microtime(true) > $end) {
				throw new Exception('the query does not run');
			}
			usleep(10000);
		}
		$other->query("KILL QUERY $id");
		$seen = self::code($c,
			fn () => $c->db->reap_async_query()->fetch_all());
		return [$seen, self::text($c->query('SELECT 1')),
			self::text($other->query('SELECT 2'))];
	}
}
