import Glibc

/// The processor cores that work is spread over.
public enum Cores {
  /// How many the system has running.
  public static let available = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

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
