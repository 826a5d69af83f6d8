<?php
// PDO and mysqli with one common face.

class Place
{
	public static function get(string $name): string
	{
		return getenv("MYSQL_$name");
	}
}

class PdoConn
{
	public PDO $pdo;

	public function __construct(private bool $prepares)
	{
		$this->pdo = new PDO(
			sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4',
				Place::get('HOST'), Place::get('PORT'),
				Place::get('DATABASE')),
			Place::get('USER'), Place::get('PASSWORD'), [
				PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
				PDO::ATTR_EMULATE_PREPARES => !$prepares,
				PDO::MYSQL_ATTR_LOCAL_INFILE => true,
			]);
	}

	public function query(string $text, ...$args): array
	{
		$s = $this->pdo->prepare($text);
		foreach ($args as $i => $value) {
			$s->bindValue($i + 1, $value,
				is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
		}
		$s->execute();
		return $s->columnCount() ? $s->fetchAll(PDO::FETCH_NUM) : [];
	}

	public function prepare(string $text): Closure
	{
		$s = $this->pdo->prepare($text);
		return function (...$args) use ($s): array {
			$s->execute($args);
			return $s->columnCount() ? $s->fetchAll(PDO::FETCH_NUM) : [];
		};
	}

	public function last_id(): int
	{
		return (int) $this->pdo->lastInsertId();
	}

	public function begin(): void
	{
		$this->pdo->beginTransaction();
	}

	public function commit(): void
	{
		$this->pdo->commit();
	}

	public function rollback(): void
	{
		$this->pdo->rollBack();
	}

	public function multi(string $text): array
	{
		$s = $this->pdo->query($text);
		$out = [];
		do {
			$out[] = $s->columnCount() ? $s->fetchAll(PDO::FETCH_NUM) : [];
		} while ($s->nextRowset());
		return $out;
	}

	public function load(string $table, string $path): int
	{
		return $this->pdo->exec(
			"LOAD DATA LOCAL INFILE '$path' INTO TABLE $table");
	}

	public function stream(string $text): Generator
	{
		$this->pdo->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, false);
		$s = $this->pdo->query($text, PDO::FETCH_NUM);
		foreach ($s as $row) {
			yield $row;
		}
		$s->closeCursor();
		$this->pdo->setAttribute(PDO::MYSQL_ATTR_USE_BUFFERED_QUERY, true);
	}

	public static function code(Throwable $e): int
	{
		if (!$e instanceof PDOException) {
			throw $e;
		}
		return $e->errorInfo[1];
	}
}

class MysqliConn
{
	public mysqli $db;

	public function __construct()
	{
		mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
		$this->db = new mysqli(Place::get('HOST'), Place::get('USER'),
			Place::get('PASSWORD'), Place::get('DATABASE'),
			(int) Place::get('PORT'));
	}

	public function query(string $text, ...$args): array
	{
		if ($args) {
			$result = $this->db->execute_query($text, $args);
		} else {
			$result = $this->db->query($text);
		}
		return $result instanceof mysqli_result ? $result->fetch_all() : [];
	}

	public function prepare(string $text): Closure
	{
		$s = $this->db->prepare($text);
		return function (...$args) use ($s): array {
			$s->execute($args);
			$result = $s->get_result();
			return $result ? $result->fetch_all() : [];
		};
	}

	public function last_id(): int
	{
		return $this->db->insert_id;
	}

	public function begin(): void
	{
		$this->db->begin_transaction();
	}

	public function commit(): void
	{
		$this->db->commit();
	}

	public function rollback(): void
	{
		$this->db->rollback();
	}

	public function multi(string $text): array
	{
		$this->db->multi_query($text);
		$out = [];
		do {
			$result = $this->db->store_result();
			$out[] = $result ? $result->fetch_all() : [];
		} while ($this->db->more_results() && $this->db->next_result());
		return $out;
	}

	public function stream(string $text): Generator
	{
		$result = $this->db->query($text, MYSQLI_USE_RESULT);
		while ($row = $result->fetch_row()) {
			yield $row;
		}
		$result->close();
	}

	public function change_user(): void
	{
		$this->db->change_user(Place::get('USER'), Place::get('PASSWORD'),
			Place::get('DATABASE'));
	}

	public static function code(Throwable $e): int
	{
		if (!$e instanceof mysqli_sql_exception) {
			throw $e;
		}
		return $e->getCode();
	}
}
