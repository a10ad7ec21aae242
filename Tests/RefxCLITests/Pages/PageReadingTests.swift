import Foundation
import Testing

/// What counts as a block of code, and as one that runs. Whatever escaped here would be run by nobody.
@Suite struct PageReadingTests {
  @Test func aPageIsReadAsItIsWritten() {
    let page = Page(
      path: "page.md",
      text: """
        words
        <!-- not run: needs a cluster -->
        ```sh
        launch
        ```
        <!-- setup
        touch x
        -->
        ```sh
        ls x
        ```
        - a list
          - in a list,
            with a second line

          and a second paragraph
        ```swift
        import RefxIO
        ```
        """)
    #expect(page.blocks.map(\.language) == ["sh", "sh", "swift"])
    #expect(page.blocks.map(\.line) == [3, 9, 17])
    #expect(page.blocks.map(\.excuse) == ["not run: needs a cluster", nil, nil])
    #expect(page.blocks.map(\.setup) == [nil, "touch x", nil])
    #expect(page.blocks[1].text == "ls x\n")
    #expect(page.strays.isEmpty)
  }

  @Test func codeOutsideOfBlocksIsFound() {
    let page = Page(
      path: "page.md",
      text: """
        words

            refx inspect run.refx

        - a list
          ```sh
          refx inspect run.refx
          ```
        ~~~
        refx inspect run.refx
        ~~~
        \tno code, since it goes on
        ```sh
        refx inspect run.refx
        """)
    #expect(page.blocks.map(\.line) == [13])
    #expect(page.strays.map(\.line) == [3, 6, 8, 9, 11, 13])
  }

  @Test func theCommentsOfASourceAreRead() {
    let page = Page(
      path: "Sources/Refx/Sample.swift",
      text: """
        /// A sample.
        ///
        /// ```swift
        /// let one = 1
        ///
        /// assert(one == 1)
        /// ```
        struct Sample {
          /// ```sh
          /// refx --version
          /// ```
          ///
          ///     refx inspect run.refx
          ///
          /// - Parameters:
          ///   - one: a parameter,
          ///     which has two lines
          func f(one: Int) {}  // and `code`
          // ```swift
          /** Another. */
          func g() {}
        }
        """)
    #expect(page.blocks.map(\.language) == ["swift", "sh"])
    #expect(page.blocks.map(\.line) == [3, 9])
    #expect(page.blocks[0].text == "let one = 1\n\nassert(one == 1)\n")
    #expect(page.strays.map(\.line) == [13, 19, 20])
    let header = Page(
      path: "Sources/CFiles/shim.h", text: "/* Opens a file.\n * ```c\n * f();\n * ```\n */\n")
    #expect(header.blocks.isEmpty && header.strays.map(\.line) == [2, 4])
  }

  @Test func blocksBecomePrograms() {
    let text = "```swift\nimport RefxMPI\na()\n```\n```swift\nb()\n```\n```swift\nimport RefxIO\nc()\n```\n"
    let page = Page(path: "page.md", text: text)
    #expect(page.programs.map(\.name) == ["page.md#1", "page.md#2"])
    #expect(page.programs.map(\.blocks.count) == [2, 1])
    #expect(page.programs.map(\.needsRanks) == [true, false])
    let comments = Page(
      path: "Sources/Refx/Sample.swift",
      text: "/// ```swift\n/// a()\n/// ```\n/// ```swift\n/// b()\n/// ```\n")
    #expect(comments.programs.map(\.blocks.count) == [1, 1])
    let source = Page.source(of: [page, comments])
    #expect(source.contains("  case \"page.md#2\": try program2()\n"))
    #expect(source.contains("  case \"Sources/Refx/Sample.swift#2\": try program4()\n"))
    #expect(source.contains("private func program4() throws {\n  // Sources/Refx/Sample.swift#2\n  b()\n}\n"))
    let parts = source.components(separatedBy: "#if MPI\n")
    #expect(parts.count == 4)
    #expect(parts[2].hasPrefix("  case \"page.md#1\": try program1()\n  #endif\n"))
    #expect(parts[3].hasPrefix("\nprivate func program1() throws {\n"))
  }

  @Test func aScriptFailsWhereACommandDoes() throws {
    let scratch = try Scratch()
    for (text, passes) in [
      ("true\nfalse\ntrue\n", false), ("false  # exits with 1\n", true), ("true  # exits with 1\n", false),
    ] {
      let result = try PageTests.run(["/bin/bash", "-c", PageTests.script(of: text)], in: scratch)
      #expect((result.code == 0) == passes, "\(text)")
    }
  }
}
