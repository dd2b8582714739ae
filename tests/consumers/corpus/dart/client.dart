final a = Uri.parse('$base/api/funds/${fund.id}/companies');
final b = Uri.https(host, '/api/monte-carlo/simulate');
