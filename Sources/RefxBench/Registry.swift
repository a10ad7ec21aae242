/// Every job. A file with jobs of its own adds one line here.
enum Registry {
  static let all: [Job] =
    LimitJobs.all
    + ManagerJobs.all
    + CheckpointJobs.all
    + CodecJobs.all
    + FileJobs.all
    + CodingJobs.all
    + CoreJobs.all
}
