import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// A folder in which a later release went on for a while.
@Suite struct LaterReleaseTests {
  let scratch = ScratchFolder()

  /// `.refx` as it will be read by a release for which step 2 is of a version to come.
  private enum EarlierFormat: CheckpointStore {
    static let format = RefxFormat.format

    static func recognises(_ file: InputFile) -> Bool { RefxFormat.recognises(file) }

    static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
      if file.name.hasSuffix("2.refx") {
        throw RefxError.recordOfTheFuture("a step", version: 2, known: 1, file: file.name)
      }
      return try RefxFormat.open(file, options: options)
    }

    static func write(
      _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
    ) throws { try RefxFormat.write(contents, to: target, options: options) }

    static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
      try RefxFormat.check(contents, options: options)
    }
  }

  struct Model: Codable {
    @RefField(collection: "params") var w = Tensor([0, 0] as [Float])
    init(_ step: Int) { w = Tensor([Float(step), 1]) }
  }

  /// Its file is in the list of the folder, so that it is first opened when its values are wanted.
  @Test func itsStepIsPassedOver() throws {
    let path = scratch.file("run")
    defer { scratch.removeFolder("run") }
    let manager = try CheckpointManager(path, settings: .quick())
    for step in 1...2 { try manager.saveNow(Model(step), step: step) }
    let folder = StepFolder(path, formats: Formats([EarlierFormat.self]))
    var model = Model(0)
    var passed: [StepFolder.FileProblem] = []
    #expect(try folder.resume(&model, skipping: { passed.append($0) })?.step == 1)
    #expect(model.w == Model(1).w)
    #expect(passed.count == 1 && passed.first?.what.contains("newer release") == true, "\(passed)")
    // Who asks for that step is told.
    let error = #expect(throws: RefxError.self) { try folder.restore(&model, step: 2) }
    #expect(error?.code == .version && model.w == Model(1).w)
  }
}
