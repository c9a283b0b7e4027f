// One broker, which some tests kill.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
