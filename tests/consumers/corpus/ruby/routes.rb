namespace :api do
  resources :funds do
    resources :companies
  end
end
