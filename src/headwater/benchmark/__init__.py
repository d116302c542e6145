"""How fast the engine is: workloads, measurements, and a report of them."""
