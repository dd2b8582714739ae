class DefaultApi:
    def api_monte_carlo_simulate_post(self, body):
        return self.api_client.call_api(
            resource_path='/api/monte-carlo/simulate', method='POST', body=body)

    def get_api_funds_by_id_companies(self, id):
        return self.api_client.call_api(resource_path='/api/funds/{id}/companies', path_params={'id': id})
