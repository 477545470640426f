import Bytes
import Settings

/// A world on a desk: a few files and variables, and nothing else.
struct Desk: ConfigurationFiles {
    var files: [String: [UInt8]] = [:]
    var variables: [String: String] = [:]

    init(_ files: [String: String] = [:], variables: [String: String] = [:]) {
        self.files = files.mapValues { Array($0.utf8) }
        self.variables = variables
    }

    func read(_ path: String, limit: Int) throws(ConfigurationFileError) -> [UInt8] {
        guard let octets = files[path] else { throw .notFound }
        guard octets.count <= limit else { throw .tooLarge }
        return octets
    }

    func expand(glob: String, relativeTo directory: String) -> [String] {
        let pattern = directory.isEmpty || glob.hasPrefix("/") ? glob : directory + "/" + glob
        let wanted = pattern.split(separator: "/", omittingEmptySubsequences: false)
        return files.keys.sorted().filter { path in
            let parts = path.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == wanted.count
                && zip(parts, wanted).allSatisfy { Glob.matches(String($0), String($1)) }
        }
    }

    func environment(_ name: String) -> String? { variables[name] }

    func exists(_ path: String) -> Bool { files[path] != nil }
}

extension Desk {
    /// 64 octets, long enough for every algorithm.
    static let secret = "correct-horse-battery-staple-correct-horse-battery-staple-012345"

    /// The desk most tests work at.
    static let usual = Desk(
        [
            "tls/fullchain.pem": "chain", "tls/internal.pem": "chain", "tls/privkey.pem": "key",
            "tls/api.pem": "chain",
            "tls/api.key": "key", "tls/ca.pem": "chain", "secrets/jwt": secret + "\n",
            "secrets/reports": "cmVhZGVyOnBhc3N3b3Jk\n", "keys/issuer.pem": "key",
            "keys/issuer.jwk": "key", "keys/set.json": "keys",
            "revoked.txt": "list", "empty": "\n", "/var/lib": "", "/": "",
        ],
        variables: [
            "JWT_SECRET": secret, "GATEWAY_CONSOLE_TOKEN": token, "REPORTS_KEY": "reports",
            "EMPTY": "",
        ])

    static let token = "0123456789abcdef"

    func with(_ path: String, _ text: String) -> Desk {
        var desk = self
        desk.files[path] = Array(text.utf8)
        return desk
    }
}

/// Reads `text` as `gateway.conf` on the usual desk.
func read(_ text: String, at desk: Desk = .usual) -> ReadResult {
    SettingsReader(files: desk.with("gateway.conf", text)).read("gateway.conf")
}

/// What a person sees, one diagnostic after the other.
func rendered(_ text: String, at desk: Desk = .usual) -> String {
    read(text, at: desk).diagnostics.map { $0.rendered(color: false) }.joined(separator: "\n")
}

/// `line:column: severity: message`, one line a diagnostic.
func complaints(_ text: String, at desk: Desk = .usual) -> String {
    read(text, at: desk).diagnostics.map { diagnostic in
        let place = diagnostic.position
        let file = place.file == "gateway.conf" ? "" : place.file + ":"
        let severity = diagnostic.severity.rawValue
        return "\(file)\(place.line):\(place.column): \(severity): \(diagnostic.message)"
    }.joined(separator: "\n")
}

/// A configuration with nothing wrong in it, in one line, for others to follow.
let prelude =
    "listen 127.0.0.1:1 { tls { certificate self_signed } } "
    + "jwt app { algorithms HS256; secret env:JWT_SECRET; audience a } "
    + "backend app { server 127.0.0.1:8000 } sessions s { store query:s; limit 2 block_new } "
    + "route /used { auth app; require query:s == claim:s; sessions s; backend app }\n"

/// The blocks that single directives are tried in; what they need stands on the first line.
enum Bench: String, CaseIterable {
    case top = ""
    case log = "log {"
    case limits = "limits {"
    case listen = "listen 127.0.0.1:2 {"
    case tls = "listen 127.0.0.1:2 { tls {"
    case emptyJWT = "jwt j { audience a"
    case jwt = "jwt j { algorithms HS256; audience a"
    case jwtWithSecret = "jwt j { secret env:JWT_SECRET; algorithms HS256; audience a"
    case backend = "backend b { server 127.0.0.1:8001"
    case sessions = "sessions t { store query:s"
    case sessionsWithLimit = "sessions t { store query:s; limit 2 block_new"
    case route = "route /x/{id} { backend app"
    case bareRoute = "route /x/{id} {"
    case cors = "route /x/{id} { backend app; cors https://a.kr {"
    case socketio = "route /x/{id} { backend app; socketio {"
    case rewrite = "rewrite /old/{id} to /new {"
    case defaults = "defaults {"

    /// A whole configuration with `directive` in the third line.
    func holding(_ directive: String) -> String {
        let depth = rawValue.reduce(0) { $0 + ($1 == "{" ? 1 : 0) - ($1 == "}" ? 1 : 0) }
        let end = String(repeating: "}", count: depth)
        return prelude + rawValue + "\n" + directive + "\n" + end + "\n"
    }

    /// What is said about `directive`, without warnings, each as `column: message`; a complaint
    /// about another line keeps its line.
    func complaints(about directive: String) -> String {
        read(holding(directive)).diagnostics.filter { $0.severity == .error }.map { diagnostic in
            let place = diagnostic.position
            let line = place.line == 3 ? "" : "\(place.line):"
            return "\(line)\(place.column): \(diagnostic.message)"
        }.joined(separator: "\n")
    }

    /// The settings with `directive` in them; nil when anything is wrong.
    func settings(with directive: String) -> Settings? { read(holding(directive)).settings }
}

/// One row of a table of mistakes.
struct Mistake: CustomStringConvertible, Sendable {
    let bench: Bench
    let text: String
    let complaint: String

    init(_ bench: Bench, _ text: String, _ complaint: String) {
        self.bench = bench
        self.text = text
        self.complaint = complaint
    }

    var description: String { "\(bench): \(text)" }
}
