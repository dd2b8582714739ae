httr::GET(paste0("/api/funds/", id, "/companies"))
httr::POST(file.path(base, "monte-carlo", "simulate"))
