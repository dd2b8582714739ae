SELECT http_get('/api/funds/' || fund_id || '/companies') FROM funds;
