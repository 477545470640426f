import Bytes

/// A list of revoked tokens and users, as an operator keeps it in a file: one entry a line, `jti
/// ID` or `user NAME`, and `#` begins a comment.
///
///     jti  5f0c9a
///     user 4711      # lost phone
///
/// An id or a name is what stands between the white space; there is no way to write one that holds
/// white space or begins with `#`.
package struct RevocationFile: Sendable, Equatable {
    package static let octetLimit = 1024 * 1024
    package static let entryLimit = 100_000

    /// What is wrong with a file, and in which line (from 1; 0 for the file as a whole).
    package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
        package let line: Int
        package let message: String

        package var description: String { line == 0 ? message : "line \(line): \(message)" }
    }

    let tokenIDs: Set<ExactText>
    let users: Set<ExactText>

    /// An empty one.
    package init() {
        tokenIDs = []
        users = []
    }

    /// Entries that are said twice count once.
    ///
    /// Throws for the first thing that is wrong: half a list would let in whom the other half
    /// means.
    package init(_ octets: Span<UInt8>) throws(Mistake) {
        guard octets.count <= Self.octetLimit else {
            throw Mistake(line: 0, message: "the list is larger than 1 MiB")
        }
        var tokenIDs: Set<ExactText> = []
        var users: Set<ExactText> = []
        var line = 0
        var start = octets.starts(with: "\u{FEFF}") ? 3 : 0
        while start < octets.count {
            line += 1
            let end = octets.firstIndex(of: ASCII.lineFeed, from: start) ?? octets.count
            if let entry = try Self.entry(octets.extracting(start..<end), line: line) {
                if entry.isUser {
                    users.insert(entry.name)
                } else {
                    tokenIDs.insert(entry.name)
                }
                guard tokenIDs.count + users.count <= Self.entryLimit else {
                    throw Mistake(
                        line: line, message: "the list has more than \(Self.entryLimit) entries")
                }
            }
            start = end + 1
        }
        self.tokenIDs = tokenIDs
        self.users = users
    }

    package var count: Int { tokenIDs.count + users.count }

    /// True when the file means a token with this id or user.
    package func means(user: String?, tokenID: String?) -> Bool {
        if let tokenID, tokenIDs.contains(ExactText(tokenID)) { return true }
        if let user, users.contains(ExactText(user)) { return true }
        return false
    }

    private static func entry(
        _ octets: Span<UInt8>, line: Int
    ) throws(Mistake) -> (isUser: Bool, name: ExactText)? {
        do {
            _ = try UTF8Span(validating: octets)
        } catch {
            throw Mistake(line: line, message: "this line is not UTF-8")
        }
        var words: [String] = []
        for piece in octets.array.split(whereSeparator: isSpace) {
            if piece.first == UInt8(ascii: "#") { break }
            words.append(String(decoding: piece, as: UTF8.self))
        }
        guard let kind = words.first else { return nil }
        guard kind == "jti" || kind == "user" else {
            throw Mistake(line: line, message: "expected 'jti ID' or 'user NAME'")
        }
        guard words.count == 2 else {
            let message =
                words.count == 1
                ? "something is missing after '\(kind)'"
                : "a line has one entry: '\(kind)' and one word"
            throw Mistake(line: line, message: message)
        }
        return (kind == "user", ExactText(words[1]))
    }

    private static func isSpace(_ octet: UInt8) -> Bool {
        octet == ASCII.space || octet == ASCII.tab || octet == ASCII.carriageReturn
    }
}
