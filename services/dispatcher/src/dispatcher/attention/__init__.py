"""What asks for somebody's attention, said in words, and what somebody decides about it."""
