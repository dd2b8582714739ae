class Client {
  static final String SIMULATE = "/api/monte-carlo/simulate";
  Response companies(long id) {
    return http.get(String.format("/api/funds/%d/companies", id));
  }
  URI builder(long id) {
    return UriComponentsBuilder.fromPath("/api")
        .pathSegment("funds")
        .pathSegment(Long.toString(id))
        .pathSegment("companies")
        .build().toUri();
  }
  @POST("api/portfolio/strategies")
  Call<Void> strategies(@Body Strategies body);
  @GET("api/funds/{fund}/companies")
  Call<List<Company>> companies(@Path("fund") long fund);
}
