urlpatterns = [
    path("api/funds/<int:fund_id>/companies", view),
    re_path(r"^api/funds/(?P<fund_id>[0-9]+)/companies$", view),
    re_path(r"^api/monte-carlo/simulate/?$", view),
]
