"""Users, one-time sign-in links and who may enter."""
