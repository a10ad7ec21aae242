import Glibc
import Synchronization

/// The processor cores that work is spread over.
public enum Cores {
  /// How many of those that the system has running are this process's to use.
  public static var available: Int { max(1, running / processes.load(ordering: .relaxed)) }

  private static let running = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  private static let processes = Atomic<Int>(1)

  /// Leaves to each of so many processes on this machine that work together its share of the cores.
  package static func share(amongProcesses count: Int) { processes.store(max(1, count), ordering: .relaxed) }

  /// More threads than this are never started for one operation: memory is held for each.
  static let most = 16

  /// The threads for an operation on `byteCount` bytes: `asked`, or as many as there are cores; fewer where
  /// the work would be over before they have started.
  package static func threads(_ asked: Int?, forBytes byteCount: Int) -> Int {
    let worthwhile = 1 + byteCount / bytesWorthAThread
    return max(1, min(asked ?? available, most, worthwhile))
  }

  /// What a thread does in the time that it takes to start one, with a margin.
  private static let bytesWorthAThread = 256 << 10
}
