import Refx

/// A text as numbers.
struct TrainingText {
  let alphabet: [UInt8]
  let letters: [Int]

  /// - Throws: `RefxError` where there are not enough letters.
  init(_ bytes: [UInt8], named file: String) throws {
    alphabet = Set(bytes).sorted()
    var numbers = [Int](repeating: 0, count: 256)
    for (number, letter) in alphabet.enumerated() { numbers[Int(letter)] = number }
    letters = bytes.map { numbers[Int($0)] }
    guard letters.count > 100 else {
      throw RefxError(
        .usage, file: file, expected: "a text of more than 100 letters", found: "\(letters.count)")
    }
  }

  /// The text that is there when none is given.
  static let own = """
    A checkpoint is a promise. It says: whatever happens to the machine, to the power, to the program that runs at
    this moment, the work of the night is not lost. Most promises of this kind are kept by luck. The file is written
    in place, and a crash in the middle leaves half of it. The pointer to the latest file moves before the file is
    whole. The optimizer forgets how far it had come, the shuffled order of the data begins again, and the numbers
    that come out are other numbers, though nobody can say since when. And where two layers of a model are one array,
    the file holds two, and from the next morning on they drift apart.

    It need not be so. Write the new file beside the old one, and give it the name when it is on the disk. Keep the
    state of everything that has a state: the weights and what the optimizer knows of them, the random numbers, the
    place in the data, the count of the steps. Write down once what is one thing, and write down all the places where
    it stands. Then a run that was broken off a hundred times ends with the same bits as a run that nobody touched,
    and whoever looks into the file in a year will find what was meant.

    The test of such a promise is simple. Break it off, at any moment, as rudely as the system can. Go on. Compare.
    """
}
