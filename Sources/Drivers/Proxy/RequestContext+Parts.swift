internal import Clock
internal import Entry
internal import HTTP
internal import Identity
internal import Routing
internal import Sessions
internal import Settings

/// What stands in the parts of a request, by its name.
extension RequestContext {
    // MARK: What it was

    var id: String { origin.id }
    var started: Instant { origin.started }
    var method: Method { origin.method }
    var provenance: Provenance { origin.provenance }
    var isWebSocket: Bool { origin.isWebSocket }
    var minorVersion: UInt8 { origin.minorVersion }

    // MARK: What admission found

    var route: Int? { found.route }
    var speaksControl: Bool { found.speaksControl }
    var tokenPlace: TokenSettings.Place? { found.tokenPlace }
    var languages: LanguagePreference { found.languages }
    var setCookie: String? { found.setCookie }
    var crossOrigin: [CrossOriginRule.Field] { found.crossOrigin }
    var answerFields: AnswerFields { found.answerFields }

    var kind: RequestKind {
        get { found.kind }
        set { found.kind = newValue }
    }
    var identity: VerifiedIdentity? {
        get { found.identity }
        set { found.identity = newValue }
    }

    // MARK: How it went

    var status: Int {
        get { outcome.status }
        set { outcome.status = newValue }
    }
    var detail: String? {
        get { outcome.detail }
        set { outcome.detail = newValue }
    }
    var server: SocketAddressSettings? {
        get { outcome.server }
        set { outcome.server = newValue }
    }
    var octetsIn: Int {
        get { outcome.octetsIn }
        set { outcome.octetsIn = newValue }
    }
    var octetsOut: Int {
        get { outcome.octetsOut }
        set { outcome.octetsOut = newValue }
    }
    var messagesIn: Int {
        get { outcome.messagesIn }
        set { outcome.messagesIn = newValue }
    }
    var messagesOut: Int {
        get { outcome.messagesOut }
        set { outcome.messagesOut = newValue }
    }
}
