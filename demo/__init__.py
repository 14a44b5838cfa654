"""The demo: a small real model, a generated pool and a search over it, in minutes on two cores."""
