<?php
$a = '/api/funds/' . $fund->id . '/companies';
$b = "/api/funds/{$fund->id}/companies";
$c = "/api/monte-carlo/" . "simulate";
$routes = '{"simulate":"\/api\/monte-carlo\/simulate"}';
Route::get('/api/funds/{fund}/companies', 'Companies@index');
