"""The parts of the soak: processes to watch and to hurt, their vitals, the load, the report."""
