fetch("/api/monte-carlo/simulate");
