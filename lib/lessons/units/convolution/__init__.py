"""The lesson on convolution: shift, multiply, sum; filters that find something; filters that grow."""
