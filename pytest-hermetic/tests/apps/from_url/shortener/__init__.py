"""Short links that last a day, with counted visits."""
