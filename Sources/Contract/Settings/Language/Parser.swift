/// A word, its arguments, and the block it opens.
struct Directive: Sendable {
    var name: Word
    var arguments: [Word]
    var block: [Directive]?
    var opening: SourceRange?

    /// A lexical error was reported for one of its words.
    var isBroken: Bool { name.isBroken || arguments.contains(where: \.isBroken) }

    /// Something of it is not shown, because it may be a secret.
    var hidesWords: Bool { name.isHidden || arguments.contains(where: \.isHidden) }
}

/// Builds the tree. Brackets that do not match are reported and mended: by what the indentation
/// and the grammar say, so that one lost `}` costs one error.
struct Parser {
    private(set) var findings: [Finding] = []
    /// The open blocks, outermost first; the first one is the file itself.
    private var stack: [Directive] = []
    private var words: [Word] = []
    /// Nothing but line ends since the last directive.
    private var wasLineEnd = false
    /// Blocks closed for want of a `}`, whose `}` may still come.
    private var mended = 0
    /// Depth inside a block that was too deep to keep.
    private var skipped = 0

    /// Blocks nested deeper are refused: the language needs three.
    static let maximumDepth = 8

    init(file: Int) {
        let place = SourceRange(file: file, line: 1, column: 1, length: 1)
        stack = [Directive(name: Word(text: "", location: place), arguments: [], block: [])]
    }

    mutating func parse(_ tokens: [Token]) -> [Directive] {
        for token in tokens {
            if skipped > 0 {
                skip(token)
            } else {
                read(token)
            }
        }
        finishDirective()
        while stack.count > 1 {
            report("this '{' is never closed", stack[stack.count - 1].opening)
            closeBlock()
        }
        return stack[0].block ?? []
    }

    private mutating func skip(_ token: Token) {
        switch token {
        case .open: skipped += 1
        case .close: skipped -= 1
        case .word, .separator: break
        }
    }

    private mutating func read(_ token: Token) {
        switch token {
        case .word(let word):
            if words.isEmpty { closeForgottenBlocks(before: word) }
            words.append(word)
            wasLineEnd = false
        case .separator(let isLineEnd):
            finishDirective()
            wasLineEnd = wasLineEnd || isLineEnd
        case .open(let place): openBlock(place)
        case .close(let place):
            finishDirective()
            wasLineEnd = false
            if stack.count > 1 {
                closeBlock()
            } else if mended > 0 {
                mended -= 1
            } else {
                report("this '}' has no '{' before it", place)
            }
        }
    }

    private mutating func finishDirective() {
        guard let name = words.first else { return }
        append(Directive(name: name, arguments: Array(words.dropFirst())))
        words = []
    }

    private mutating func openBlock(_ place: SourceRange) {
        var header: Directive
        if let name = words.first {
            header = Directive(name: name, arguments: Array(words.dropFirst()))
            words = []
        } else if wasLineEnd, let last = stack[stack.count - 1].block?.last, last.block == nil {
            report("'{' must be at the end of the line of \(last.name.shown)", place)
            header = last
            stack[stack.count - 1].block?.removeLast()
        } else {
            report("a block needs a directive before its '{'", place)
            header = Directive(
                name: Word(text: "", location: place, isBroken: true), arguments: [])
        }
        wasLineEnd = false
        guard stack.count <= Self.maximumDepth else {
            report("blocks are nested more than \(Self.maximumDepth) deep", place)
            skipped = 1
            return
        }
        header.block = []
        header.opening = place
        stack.append(header)
    }

    private mutating func closeBlock() {
        let directive = stack.removeLast()
        append(directive)
    }

    private mutating func append(_ directive: Directive) {
        stack[stack.count - 1].block?.append(directive)
    }

    /// A word of the top level that has no place in this block, written no deeper than the word
    /// that opened the block, tells that the block's `}` was forgotten.
    private mutating func closeForgottenBlocks(before word: Word) {
        guard Grammar.words(in: .top).contains(word.text) else { return }
        while stack.count > 1 {
            let block = stack[stack.count - 1]
            let place = Place(rawValue: block.name.text)
            let isAtHome = place.map { Grammar.words(in: $0).contains(word.text) } ?? false
            let isNewLine = word.location.line > block.name.location.line
            guard !isAtHome, isNewLine, word.location.column <= block.name.location.column else {
                return
            }
            let line = word.location.line
            report("this '{' is not closed before \(word.shown) in line \(line)", block.opening)
            closeBlock()
            mended += 1
        }
    }

    private mutating func report(_ message: String, _ place: SourceRange?) {
        let place = place ?? stack[0].name.location
        findings.append(.init(.error, message, place))
    }
}
