my $a = "/api/funds/$id/companies";
my $b = '/api/monte-carlo' . '/simulate';
