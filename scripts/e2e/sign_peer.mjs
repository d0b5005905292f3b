// Verifies a bundle with @sigstore/verify:
//   node sign_peer.mjs BUNDLE (key PUBLIC [ROOT] | identity IDENTITY ISSUER ROOT | identity-without-log IDENTITY ISSUER ROOT) [ARTIFACT]
// A bundle signed with a key needs no timestamp unless a root is given. Prints `accepted`, or fails with the reason.
import fs from "node:fs";
import crypto from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.env.SIGN_PEERS + "/");
const { bundleFromJSON } = require("@sigstore/bundle");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");

const [bundleFile, how, ...rest] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundleFile, "utf8")));
const empty = { mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1", tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
const rootAt = (path) => TrustedRoot.fromJSON(path ? JSON.parse(fs.readFileSync(path, "utf8")) : empty);

if (how === "key") {
  const [keyFile, root] = rest;
  const publicKey = crypto.createPublicKey(fs.readFileSync(keyFile));
  const material = toTrustMaterial(rootAt(root), () => ({ publicKey, validFor: () => true }));
  const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: root ? 1 : 0 };
  new Verifier(material, thresholds).verify(toSignedEntity(bundle));
} else {
  const [identity, issuer, root, artifact] = rest;
  const material = toTrustMaterial(rootAt(root));
  if (how === "identity-without-log") bundle.verificationMaterial.tlogEntries = [];
  const thresholds = how === "identity-without-log" ? { tlogThreshold: 0, ctlogThreshold: 1, timestampThreshold: 1 } : {};
  const entity = toSignedEntity(bundle, artifact ? fs.readFileSync(artifact) : undefined);
  new Verifier(material, thresholds).verify(entity, { subjectAlternativeName: identity, extensions: { issuer } });
}
console.log("accepted");
