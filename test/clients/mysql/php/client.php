<?php
// A PHP driver of MySQL runs scenarios: see ../../my_matrix.py.  PHP does one
// thing at a time, so "all at once" means connections that take turns.

require __DIR__ . '/drivers.php';
require __DIR__ . '/scenarios.php';

function answer(string $driver, string $scenario): bool
{
	$scenarios = new Scenarios($driver);
	try {
		$seen = $scenarios->$scenario();
		echo "ok $scenario ", json_encode($seen), "\n";
		return true;
	} catch (Throwable $e) {
		$text = get_class($e) . ': ' . $e->getMessage();
		if (getenv('TRACE')) {
			$text .= $e->getTraceAsString();
		}
		echo "failed $scenario ", preg_replace('/\s+/', ' ', $text), "\n";
		return false;
	}
}

$good = true;
$driver = $argv[1];
if ($argc > 2) {
	foreach (array_slice($argv, 2) as $scenario) {
		$good = answer($driver, $scenario) && $good;
	}
} else {
	while (($line = fgets(STDIN)) !== false) {
		$good = answer($driver, trim($line)) && $good;
	}
}
exit($good ? 0 : 1);
