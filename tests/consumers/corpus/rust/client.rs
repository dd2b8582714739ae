let a = format!("{base}/api/funds/{}/companies", id);
let b = concat!("/api/", "monte-carlo/", "simulate");
url.path_segments_mut().unwrap().extend(&["api", "portfolio", "strategies"]);
