# vigil itself, to run its probes beside a service. From the root of the repository:
#   docker build -f deploy/vigil.Dockerfile -t vigil .
#   docker run vigil probe --once health --target https://staging.example.org
# For `vigil probe` and `vigil uptime` of journeys: without a browser, k6 and what other commands need.
ARG NODE=24.21.0

FROM node:${NODE}-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY backend/package.json backend/
# The image has Node; the packages that probes need run no install scripts.
RUN npm ci --omit=dev --workspaces=false --ignore-scripts

FROM node:${NODE}-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=packages /app/node_modules node_modules
# Only what vigil.Dockerfile.dockerignore lets through. It belongs to root, so vigil cannot change itself.
COPY . .
# Where results are kept: a volume that is mounted here belongs to the user too.
RUN install -d -o node -g node /var/lib/vigil
USER node
VOLUME /var/lib/vigil
EXPOSE 9464
# Exec form: vigil is process 1 and gets SIGTERM itself. A scheduler runs for months; V8 is told to stay small.
ENTRYPOINT ["node", "--optimize-for-size", "--semi-space-growth-factor=1", "cli/main.ts"]
CMD ["--help"]
