import RefxStore

/// What often lies where a checkpoint should be.
struct Impostor {
  let sentence: String
  let advice: String

  /// Looks at the first bytes; nil where they say nothing.
  init?(of file: InputFile) {
    if file.byteCount == 0 {
      sentence = "the file is empty"
      advice = "copy or download it again"
      return
    }
    guard let start = try? file.bytes(at: 0, count: min(file.byteCount, 512)) else { return nil }
    let text = String(decoding: start, as: UTF8.self)
    let words = text.drop(while: \.isWhitespace).lowercased()
    if text.hasPrefix("version https://git-lfs.github.com/spec/") {
      sentence = "the file is a pointer that Git LFS left in the place of the content"
      advice = "fetch the content with git lfs pull"
    } else if words.hasPrefix("<!doctype html") || words.hasPrefix("<html") || words.hasPrefix("<head") {
      sentence = "the file is an HTML page, as a server sends it instead of a file"
      advice = "look at the page in a browser, then download the file itself"
    } else if start.allSatisfy({ $0 == 0 }) {
      sentence = "the file begins with zeros, as one does whose writing was broken off"
      advice = "copy or download it again"
    } else {
      return nil
    }
  }
}
