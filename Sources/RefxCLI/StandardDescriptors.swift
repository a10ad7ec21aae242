import Glibc

/// The descriptors 0, 1 and 2, which a caller may have closed.
enum StandardDescriptors {
  /// Takes those that are closed, so that no file that is opened later gets their numbers and words meant for
  /// a terminal are written into a checkpoint. Writing to them stays an error.
  static func reserve() {
    while true {
      let descriptor = open("/dev/null", O_RDONLY)
      if descriptor > 2 { close(descriptor) }
      if descriptor < 0 || descriptor > 2 { return }
    }
  }
}
