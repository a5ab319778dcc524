"""`dispatcher doctor`: is everything that the dispatcher needs there and safe, and what is to be done where not?"""
