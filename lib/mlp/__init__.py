"""Networks of neurons: what makes them more than a linear map, and what goes wrong with them."""
