"""Apache Spark behind a Connect server: the engine "spark" where the driver's JVM is somebody else's."""
