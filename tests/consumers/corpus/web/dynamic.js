fetch("/api/monte-carlo/" + action);
fetch(`/api/portfolio/${kind}`);
fetch(`/api/funds/${fund.id}/${list}`);
fetch("/api/monte-carlo/sim" + "ulate");
