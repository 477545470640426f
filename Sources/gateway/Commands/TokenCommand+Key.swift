import ArgumentParser
import Control
import Identity
import JWT
import Settings
import Transport

// MARK: The key

extension TokenCommand {
    /// What `--key` names, or the rule's first secret.
    func signer(of rule: TokenSettings) throws(CommandEnd) -> TokenSigner {
        guard let key else {
            if let secret = rule.secrets.first { return TokenSigner(secret) }
            Terminal.complain(
                "\(option.file.path): jwt '\(rule.name)' has no 'secret': name the private key of"
                    + " its tokens with --key")
            throw CommandEnd(code: Control.ExitCode.configuration)
        }
        let octets: [UInt8]
        do throws(ConfigurationFileError) {
            octets = try ConfigurationFile.read(key)
        } catch {
            throw wrongKey(
                "cannot read it: \(error.reason(limit: ConfigurationFile.keyFileLimit))")
        }
        do throws(TokenSigner.Problem) {
            return try TokenSigner(file: octets)
        } catch {
            throw wrongKey(error.text)
        }
    }

    /// The one that was asked for, or the first of the rule's that the key is for.
    func chosenAlgorithm(
        of rule: TokenSettings, _ signer: TokenSigner
    ) throws -> SignatureAlgorithm {
        let allowed = rule.algorithms
        let names = allowed.map(\.rawValue).joined(separator: " ")
        guard let algorithm else {
            if let first = allowed.first(where: signer.signs) { return first }
            throw wrongKey(
                "\(signer.kind) cannot sign with any algorithm of jwt '\(rule.name)': \(names)")
        }
        guard allowed.contains(algorithm) else {
            throw ValidationError(
                "\(algorithm.rawValue) is not among the algorithms of jwt '\(rule.name)': "
                    + names)
        }
        guard signer.signs(algorithm) else {
            let hint = key == nil ? ": name a private key with --key" : ""
            throw wrongKey("\(signer.kind) cannot sign with \(algorithm.rawValue)\(hint)")
        }
        return algorithm
    }

    private func wrongKey(_ reason: String) -> CommandEnd {
        Terminal.complain("\(key ?? option.file.path): \(reason)")
        return CommandEnd(code: Control.ExitCode.usage)
    }
}

// MARK: The check

extension TokenCommand {
    /// A key that is not the rule's is a mistake; claims that the rule refuses may be meant so.
    func check(
        _ token: [UInt8], _ algorithm: SignatureAlgorithm, _ keyID: String?, _ rule: TokenSettings
    ) throws {
        let authenticator = try Authenticator(rule, keys: option.file.keys(of: rule))
        do throws(TokenError) {
            _ = try authenticator.authenticate(token.span, now: SystemClock.wallTime())
        } catch {
            guard let mismatch = mismatch(error, algorithm, keyID, rule.name) else {
                return Terminal.complain(
                    "note: jwt '\(rule.name)' refuses this token: \(error.message)"
                        + " (\(error.rawValue))")
            }
            // Secrets that can be fetched are none.
            guard case .signature = algorithm.method,
                let remote = rule.keySetSources.first(where: { $0.path == nil })
            else { throw wrongKey(mismatch) }
            Terminal.complain("note: not checked whether '\(remote.name)' has the key")
        }
    }

    /// Nil when it is not the key that is wrong.
    private func mismatch(
        _ error: TokenError, _ algorithm: SignatureAlgorithm, _ keyID: String?, _ rule: String
    ) -> String? {
        let named = keyID.map { " named '\($0)'" } ?? ""
        return switch error {
        case .unknownKey: "jwt '\(rule)' has no key\(named) for \(algorithm.rawValue)"
        case .algorithm: "the key\(named) of jwt '\(rule)' is not for \(algorithm.rawValue)"
        case .signature:
            "the key does not belong to jwt '\(rule)': no key of it\(named) verifies the token"
        case .missing, .malformed, .issuer, .audience, .claim, .missingClaim, .notYetValid,
            .expired, .tooOld, .unverifiable:
            nil
        }
    }
}

extension SignatureAlgorithm: ExpressibleByArgument {
    /// Exactly as in the configuration.
    package init?(argument: String) { self.init(spelled: argument) }
}
