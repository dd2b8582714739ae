snprintf(url, sizeof url, "%s/api/funds/%ld/companies", base, id);
static const char *simulate = "/api/"
    "monte-carlo/"
    "simulate";
