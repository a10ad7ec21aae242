import Refx
import RefxStore
import Testing

@Suite struct DeepStackTests {
  @Test func givesWhatTheBodyGives() throws {
    #expect(try withDeepStack { 42 } == 42)
    #expect(throws: RefxError.self) { try withDeepStack { throw RefxError(.damaged, "so") } }
  }

  /// More than the half megabyte that a program's own threads may have.
  @Test func theStackIsDeep() throws {
    let depth = try withDeepStack { Self.descend(100_000) }
    #expect(depth == 100_000)
  }

  @inline(never) private static func descend(_ depth: Int) -> Int {
    var held = (depth, depth, depth, depth)
    return withUnsafeMutableBytes(of: &held) { _ in depth == 0 ? 0 : 1 + descend(depth - 1) }
  }
}
