/// How much messages may inflate to in one turn, and whose input waits for a later one, so that no
/// member keeps all others waiting.
package struct TurnShare {
    /// Octets a turn.
    static let size = 1024 * 1024

    /// Octets that messages may yet inflate to before everybody else has had a turn.
    package var rest = TurnShare.size
    /// Members whose input is held until a later turn.
    private var light: [UInt64] = []
    private var heavy: [UInt64] = []
    private var isResuming = false

    /// Input that may inflate to a lot is read one after the other, in the order it came.
    package var allowsHeavyInput: Bool { rest > 0 && (isResuming || heavy.isEmpty) }

    var hasHeld: Bool { !light.isEmpty || !heavy.isEmpty }

    /// Another turn begins.
    mutating func begin() {
        rest = Self.size
    }

    /// What the member holds is read in a later turn: light input in the next one.
    package mutating func resumeLater(_ token: UInt64, isLight: Bool) {
        if isLight { light.append(token) } else { heavy.append(token) }
    }

    /// Members with light input, at the end of a turn; `takeHeavy` and `resumed` are to follow.
    package mutating func takeLight() -> [UInt64] {
        guard hasHeld else { return [] }
        isResuming = true
        defer { light = [] }
        return light
    }

    /// How many members have heavy input so far; who comes meanwhile waits for the next turn.
    package var heavyCount: Int { heavy.count }

    /// The next member with heavy input; nil when the turn has done enough.
    ///
    /// - Parameter index: how many have had their turn.
    package func heavy(_ index: Int) -> UInt64? { rest > 0 ? heavy[index] : nil }

    /// The turn is over.
    ///
    /// - Parameter count: how many members with heavy input have had their turn.
    package mutating func resumed(heavy count: Int) {
        heavy.removeFirst(count)
        isResuming = false
    }
}
