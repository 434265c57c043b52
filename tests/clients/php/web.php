<?php
// A page whose sessions are kept in the server by phpredis, with locks. The built-in web server runs it:
//
//   PHP_CLI_SERVER_WORKERS=4 php -d session.save_handler=redis ... -S 127.0.0.1:0 web.php
//
//   /visit            counts a visit, after a pause within the lock; {id, visits}
//   /peek             {visits} without a lock
//   /login?user=U     a new id for the session, the old one ended; {id, user}
//   /logout           ends the session

declare(strict_types=1);
ini_set('display_errors', '1');

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$answer = ['pid' => getmypid()];
if ($path === '/peek') {
    session_start(['read_and_close' => true]);
    $answer['visits'] = $_SESSION['visits'] ?? null;
    $answer['user'] = $_SESSION['user'] ?? null;
} elseif ($path === '/visit') {
    session_start();
    $visits = $_SESSION['visits'] ?? 0;
    usleep((int) ($_GET['pause'] ?? 0) * 1000); // others would read the same number, were it not for the lock
    $_SESSION['visits'] = $visits + 1;
    $answer['visits'] = $_SESSION['visits'];
} elseif ($path === '/login') {
    session_start();
    session_regenerate_id(true);
    $_SESSION['user'] = $_GET['user'];
    $answer['user'] = $_SESSION['user'];
} elseif ($path === '/logout') {
    session_start();
    session_destroy();
} else {
    http_response_code(404);
}
$answer['id'] = session_id();
header('Content-Type: application/json');
echo json_encode($answer);
