import ArgumentParser
import Clock
import Crypto
import JSON
import JWT
import Proxy
import Settings
import Transport

/// `gateway token`: a token for trying things out, made with the configuration's own key.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make a token that the configuration accepts, for trying things out.",
        discussion: """
            The user and the roles go where the rule looks for them. Whoever holds the token is \
            let in: treat it like a password. Example: gateway token --user 7 --role admin
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(help: "The 'jwt' rule to make it for; may be left out when there is only one.")
    var rule: String?

    @Option(help: "Who it is for.")
    var user: String?

    @Option(help: "A role; may be given several times.")
    var role: [String] = []

    @Option(help: "NAME=TEXT or NAME:=JSON, one more claim; may be given several times.")
    var claim: [TokenClaim] = []

    @Option(help: "How long it is good, such as 30s, 15m, 1h, 7d.")
    var expires = TokenLifetime.standard

    @Option(help: "Who made it ('iss'); by default whom the rule wants.")
    var issuer: String?

    @Option(help: "Whom it is for ('aud'); by default the first the rule wants.")
    var audience: String?

    func run() throws {
        let settings = try option.file.loadForCommand(showsWarnings: false)
        let rule = try chosenRule(of: settings)
        guard let algorithm = rule.algorithms.first(where: { $0.hash != nil }),
            let hash = algorithm.hash, let secret = rule.secrets.first
        else {
            Terminal.complain(
                "\(option.file.path): jwt '\(rule.name)' has no 'secret': only who has the private"
                    + " key can make its tokens")
            throw CommandEnd(code: Proxy.ExitCode.configuration)
        }
        let key = try HMACKey(hash, secret: secret.octets.span)
        var header = JSONObject()
        header["alg"] = .string(algorithm.rawValue)
        header["typ"] = .string("JWT")
        let token = try CompactToken.encode(header: header, claims: claims(by: rule)) {
            try key.authenticationCode(for: $0)
        }
        guard token.count <= CompactToken.octetLimit else {
            throw ValidationError("The token would be longer than the gateway reads.")
        }
        print(String(decoding: token, as: UTF8.self))
    }

    private func chosenRule(of settings: Settings) throws -> TokenSettings {
        if settings.tokens.isEmpty {
            Terminal.complain("\(option.file.path): there is no 'jwt' rule to make a token for")
            throw CommandEnd(code: Proxy.ExitCode.configuration)
        }
        let names = settings.tokens.map { "'\($0.name)'" }.joined(separator: ", ")
        guard let rule else {
            guard settings.tokens.count == 1 else {
                throw ValidationError("There are several rules, name one with --rule: \(names)")
            }
            return settings.tokens[0]
        }
        guard let chosen = settings.tokens.first(where: { $0.name == rule }) else {
            throw ValidationError("There is no rule '\(rule)', only \(names)")
        }
        return chosen
    }

    /// What was asked for by name wins over what the rule suggests.
    private func claims(by rule: TokenSettings) -> JSONObject {
        let now = SystemClock.wallTime().seconds
        var claims = JSONObject()
        if let issuer = issuer ?? rule.issuer { claims["iss"] = .string(issuer) }
        if let audience = audience ?? rule.audiences.first { claims["aud"] = .string(audience) }
        claims["iat"] = .number(JSONNumber(now))
        claims["exp"] = .number(JSONNumber(now + expires.seconds))
        if let user { claims[rule.userClaim] = .string(user) }
        if let first = role.first {
            claims[rule.roleClaim] =
                role.count == 1 ? .string(first) : .array(role.map(JSONValue.string))
        }
        for claim in claim { claims[claim.name] = claim.value }
        return claims
    }
}

extension TokenSettings.Algorithm {
    /// RFC 7518 §3.2; nil where signing takes a private key.
    fileprivate var hash: HMACKey.Algorithm? {
        switch self {
        case .hs256: .sha256
        case .hs384: .sha384
        case .hs512: .sha512
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .edDSA: nil
        }
    }
}
