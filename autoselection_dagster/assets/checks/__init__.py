"""Asset checks: blocking where a wrong value would cost money."""
