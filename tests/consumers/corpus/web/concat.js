var a = "/api/" + "monte-carlo" + "/simulate";
var b = "/api/funds/" + fund.id + "/companies";
var c = API_ROOT + '/monte-carlo' + '/' + 'simulate';
var d = "/api/funds/" +
  encodeURIComponent(fund["id"]) +
  "/companies";
var e = ["api", "portfolio", "strategies"].join("/");
var f = "/api/monte-carlo/simu" + "late";
var g = "/api/port" +
    "folio/strategies";
var h = "".concat("/api/funds/", id, "/companies");
app.get('/api/funds/:id/companies', handler);
$.ajax({ url: "\/api\/monte-carlo\/simulate", type: "POST" });
