"""The way of a request from an API's public URL to a port of an instance, or to a function.

API route -> integration -> VPC link -> listener -> target group -> instance, each of them the
resource that a template made, and each network hop allowed by security groups or not at all; or
API route -> integration -> function, allowed by the policies of the caller and of the function.
"""
