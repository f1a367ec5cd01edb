"""Sizes as exact functions of the input's sizes: no layer, no graph, nothing but whole numbers.

``functions`` has the functions of one size and says why what is found of them is proven, ``sets``
the sets of sizes at which something holds, ``forms`` the polynomials in such functions.
"""
