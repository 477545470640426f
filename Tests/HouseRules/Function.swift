/// A function, initialiser, subscript or computed property with a body.
struct Function {
    /// The line of its declaration as written, without indentation.
    var name: String
    var line: Int
    /// From the line of its first word to that of its last brace.
    var length: Int

    /// All functions of a file, nested ones too.
    static func all(in text: SwiftText) -> [Function] {
        let reader = Reader(text)
        return reader.functions()
    }

    /// Finds them in the words and marks of a file.
    private struct Reader {
        private let lines: [String]
        private let tokens: [Token]
        /// Where a declaration may begin.
        private let starts: [Int]

        init(_ text: SwiftText) {
            lines = text.lines
            tokens = text.tokens
            starts = text.places(of: ["func", "subscript", "deinit", "var", "init"])
        }

        func functions() -> [Function] {
            starts.compactMap { index in
                guard isDeclaration(index), let open = body(after: index),
                    let close = tokens.end(ofBraceAt: open)
                else { return nil }
                let line = tokens[index].line
                return Function(
                    name: String(lines[line - 1].drop { $0 == " " }), line: line,
                    length: tokens[close].line - line + 1)
            }
        }

        private func isDeclaration(_ index: Int) -> Bool {
            let previous = index > 0 ? tokens[index - 1].text : ""
            switch tokens[index].text {
            case "func", "subscript", "deinit", "var": return previous != "."
            case "init":
                let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
                return previous != "." && ["(", "<", "?", "!"].contains(next)
            default: return false
            }
        }

        /// The index of the brace that opens the body of the declaration at `index`.
        private func body(after index: Int) -> Int? {
            let isVariable = tokens[index].text == "var"
            var depth = 0
            for next in tokens.indices.dropFirst(index + 1) {
                switch tokens[next].text {
                case "(", "[": depth += 1
                case ")", "]": depth -= 1
                case "{" where depth == 0: return next
                case "=" where depth == 0 && isVariable: return nil
                case "}", ";", "func", "init", "var", "let", "case", "deinit", "subscript":
                    if depth == 0 { return nil }
                default: break
                }
                if depth < 0 || (isVariable && tokens[next].line > tokens[index].line + 1) {
                    return nil
                }
            }
            return nil
        }
    }
}
