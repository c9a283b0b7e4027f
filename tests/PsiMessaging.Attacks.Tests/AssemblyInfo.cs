// One broker, and processes that want the machine.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
