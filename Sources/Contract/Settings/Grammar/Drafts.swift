/// What the files say so far: values, and the words that other blocks call them by.
struct Document {
    var settings = Settings()
    /// The first word `trust`, and the word `trust_fields`.
    var trust: Word?
    var trustedFields: Word?
    /// The word `resolver`.
    var resolver: Word?
    var console: Word?
    var listeners: [ListenerDraft] = []
    var tokens: [TokenDraft] = []
    var backends: [BackendDraft] = []
    var sessions: [SessionDraft] = []
    /// The first words of `settings.rewrites`.
    var rewrites: [Word] = []
    /// `defaults` may stand behind the routes it holds for, so both are read at the end.
    var defaults: Directive?
    var routes: [Directive] = []
}

/// A block with a name.
protocol NamedDraft {
    var name: Word { get }
}

struct BackendDraft: NamedDraft {
    var name: Word
    var settings: BackendSettings
}

/// `tls` in a `backend`.
struct ServerTLSDraft {
    var settings = ServerTLSSettings()
    var authority: Word?
    var verify: Word?
    var certificate: Word?
    var key: Word?
}

struct CertificateDraft {
    var certificate: Word?
    var key: Word?
    var versions: Set<TLSSettings.Version>?
}

struct ListenerDraft {
    var word: Word
    var settings: ListenerSettings
    var tls: Word?
    var redirect: Word?
    /// The word `hsts`, where it says something.
    var transport: Word?
    /// The first `allow`.
    var allow: Word?
    /// The word that turned it on.
    var proxyProtocol: Word?
    var hosts: [(word: Word, host: TLSSettings.Host)] = []
}

struct ConsoleDraft {
    var token: (word: Word, secret: Secret)?
    var allowsRemote = false
}

struct TokenDraft: NamedDraft {
    var name: Word
    var settings: TokenSettings
    /// The words of `settings.algorithms`, and of `settings.keys`.
    var algorithms: [Word] = []
    var keys: [Word] = []
    /// Every algorithm that was named could be read, and every key that was tried.
    var isComplete = true
    /// A secret is written out in the block, which hides the words that follow it.
    var hidesWords = false
    /// The first `query:` of `from`, and the one that names the parameter of tickets.
    var query: Word?
    var ticketQuery: Word?
    var expiring: Word?
    var tickets: Word?

    /// Browsers may bring its token for any page.
    var readsCookie: Bool {
        settings.from.contains { if case .cookie = $0 { true } else { false } }
    }
}

struct SessionDraft: NamedDraft {
    var name: Word
    var settings: SessionSettings
    /// The source of the store's name.
    var store: Word?
    /// The words `device` that named sources, and that asked for an id to be issued.
    var device: Word?
    var issue: Word?
    var limited: (word: Word, roles: [Word])?
    var limits: [LimitDraft] = []
    var stores: [StoreDraft] = []
    /// The words of the sources it reads.
    var sources: [(word: Word, source: ValueSource)] = []
    var messages: [String: SourceRange] = [:]

    /// The word that made roles matter.
    var rolesWord: Word? { limited?.word ?? limits.first { !$0.roles.isEmpty }?.word }
}

/// One line `limit …`.
struct LimitDraft {
    var word: Word
    var roles: [Word]
    var limit: SessionSettings.Limit
    var claim: (word: Word, source: ValueSource)?
}

/// `store VALUE { … }` in a sessions block.
struct StoreDraft {
    var name: Word
    var limits: [LimitDraft] = []
}

struct RewriteDraft {
    var settings: RewriteSettings
    var captures: [String] = []
}

/// A route under way, or the `defaults` that every route starts from.
struct RouteDraft {
    /// Path, host and destination are filled in at the end.
    var settings = RouteSettings(
        path: PathPattern(segments: [], hasTrailingSlash: true),
        destination: .respond(status: 404, body: ""))
    /// The word that opened the block.
    var word: Word
    /// Nil for `defaults`.
    var captures: [String]?
    /// Words that this block says itself; what it says replaces what `defaults` says.
    var own: Set<String> = []
    var kind: Word?
    var destination: Target?
    var auth: [Word] = []
    /// The word that `auth` was set by: itself, or `report_only`.
    var authSetter: Word?
    var reported: [(word: Word, rule: RouteSettings.Rule)] = []
    var login: Word?
    var roles: Word?
    /// The words that read a claim.
    var claims: [Word] = []
    /// The words `rate` that count by what a token says.
    var rates: [Word] = []
    /// The first `allow`.
    var allow: Word?
    var sessions: Word?
    var origins: Word?
    var cors: Word?
    var bodyBuffer: Word?
    var finishing: Word?
    var frameSize: Word?
    /// The words that say how paths are read, and what is sent of them.
    var pathSpelling: Word?
    var encodedSlashes: Word?
    var ignoreCase: Word?
    var parameters: Word?
    var strip: Word?
    /// What `strip` takes away.
    var stripped: PathPattern?
    var silence: Word?
    var subprotocols: Word?
    var socketIO: Word?
    /// The word `hsts`, and the names that `response_header` is about.
    var transport: Word?
    var responseHeaders: [Word] = []

    enum Target {
        case backend(Word)
        case answer(RouteSettings.Destination, Word)

        var word: Word {
            switch self {
            case .backend(let word), .answer(_, let word): word
            }
        }
    }

    /// True the first time the block says `word`.
    mutating func saysFirst(_ word: Word) -> Bool { own.insert(word.text).inserted }
}
